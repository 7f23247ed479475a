package aiotest

import "time"

// Epoch is the date at which every virtual clock starts: a Monday, in UTC.
var Epoch = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// A Clock is a virtual clock: its time stands still while anything runs and jumps to the next
// deadline when the loop has nothing to do. The zero value starts at Epoch.
type Clock struct{ now time.Duration }

// Now returns the time since Epoch.
func (c *Clock) Now() time.Duration { return c.now }

// Wall returns the virtual date and time.
func (c *Clock) Wall() time.Time { return Epoch.Add(c.now) }

// AdvanceTo moves the clock forward to t, measured from Epoch. The clock never goes back.
func (c *Clock) AdvanceTo(t time.Duration) { c.now = max(c.now, t) }
