package aiohttp

// The one place where this package starts goroutines. The executor is for work that is short:
// it has a limited number of seats, and a request that waits for a slow server would keep one.
// Whoever waits for such a goroutine does so through an asyncio.ThreadEvent, of which the loop
// knows.

import "net/http"

// launch has a goroutine carry the request out.
func (x *exchange) launch(req *http.Request) { go x.carry(req) }

// aside runs f, which may block for a moment and which nobody waits for: closing what belongs
// to goroutines.
func aside(f func()) { go f() }
