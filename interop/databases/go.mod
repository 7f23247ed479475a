// Databases proves that database clients from the ecosystem work on the loop's connections.
// It is a module of its own so that nobody who uses the library downloads them;
// go.work joins it to the tree next to it.
module github.com/aio-go/aio/interop/databases

go 1.26.0

require (
	github.com/aio-go/aio v0.1.0
	github.com/jackc/pgx/v5 v5.12.0
	github.com/redis/go-redis/v9 v9.23.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
