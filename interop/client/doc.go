// Package interop holds the HTTP client against servers that others have written: net/http, nginx, and Python's aiohttp,
// each with and without TLS. It has tests only: one suite of cases, which every server runs as far as it has the feature.
// The WebSocket suite next door is a module of its own, for what it downloads; this one needs programs, not modules.
package interop
