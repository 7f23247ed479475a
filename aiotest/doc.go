// Package aiotest runs asyncio programs in tests: under virtual time, with a seeded scheduler,
// and with everything they leave behind reported as a failure.
//
//	func TestTimeout(t *testing.T) {
//		aiotest.Run(t, func(ctx context.Context) error {
//			_, err := asyncio.Timeout(ctx, time.Hour, fetchForever)
//			if !errors.Is(err, context.DeadlineExceeded) {
//				t.Errorf("got %v, want a deadline error", err)
//			}
//			return nil
//		})
//	}
//
// The test above takes no time: the clock jumps whenever the loop is idle.
package aiotest
