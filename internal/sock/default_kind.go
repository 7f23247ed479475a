//go:build !aio_fallback

package sock

// nativeDefault is what KindDefault means where a native poller exists. The
// build tag aio_fallback turns it over, so that a whole program or test suite
// can be run on the portable poller.
const nativeDefault = KindNative
