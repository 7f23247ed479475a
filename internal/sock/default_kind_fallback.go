//go:build aio_fallback

package sock

// See default_kind.go.
const nativeDefault = KindFallback
