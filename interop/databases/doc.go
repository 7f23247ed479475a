// Package databases proves that database clients from the ecosystem work in tasks: a Redis and a
// PostgreSQL client, through their dialing hooks, against real servers that the tests start. It
// has nothing but tests; docs/databases.md tells what they show.
package databases
