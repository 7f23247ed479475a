package databases_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/aio-go/aio/asyncio"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// connectPostgres returns a connection for tasks.
func connectPostgres(ctx context.Context, address string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("postgres://aio@" + address + "/postgres?sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.DialFunc = asyncio.SharedDialer(ctx, nil)
	config.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		addrs, err := asyncio.LookupHost(ctx, "ip", host)
		names := make([]string, len(addrs))
		for i, a := range addrs {
			names[i] = a.String()
		}
		return names, err
	}
	return pgx.ConnectConfig(ctx, config)
}

// pool is a pool of connections for tasks: a queue of those that nobody uses.
type pool struct{ *asyncio.Queue[*pgx.Conn] }

func newPool(ctx context.Context, t *testing.T, address string, size int) pool {
	t.Helper()
	p := pool{asyncio.NewQueue[*pgx.Conn](0)}
	for range size {
		var conn *pgx.Conn
		until(ctx, t, "the server", func() bool {
			c, err := connectPostgres(ctx, address)
			conn = c
			return err == nil
		})
		p.PutNowait(conn)
	}
	return p
}

// with calls f with a connection.
func (p pool) with(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := p.Get(ctx)
	if err != nil {
		return err
	}
	defer p.PutNowait(conn)
	return f(conn)
}

func (p pool) close(ctx context.Context) {
	for conn, err := p.GetNowait(); err == nil; conn, err = p.GetNowait() {
		conn.Close(ctx)
	}
}

func TestPostgresClientRunsInTasks(t *testing.T) {
	address := startPostgres(t)
	run(t, func(ctx context.Context) error {
		p := newPool(ctx, t, address, 5)
		defer p.close(ctx)
		err := p.with(ctx, func(c *pgx.Conn) error {
			_, err := c.Exec(ctx, "create table item (id int primary key, name text)")
			return err
		})
		if err != nil {
			return err
		}
		err = asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i := range 50 { // more than there are connections
				g.Go(func(ctx context.Context) error {
					return p.with(ctx, func(c *pgx.Conn) error {
						return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
							_, err := tx.Exec(ctx, "insert into item values ($1, $2)", i, fmt.Sprint("item ", i))
							return err
						})
					})
				})
			}
			return nil
		})
		if err != nil {
			return err
		}
		return p.with(ctx, func(c *pgx.Conn) error {
			rows, err := c.Query(ctx, "select name from item order by id")
			if err != nil {
				return err
			}
			names, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if len(names) != 50 || names[49] != "item 49" {
				t.Errorf("got %q", names)
			}
			return err
		})
	})
}

// Queries that wait at the server hold up nobody else: they end only because another task does
// something meanwhile, and one that merely sleeps lets others run.
func TestPostgresQueriesOverlap(t *testing.T) {
	address := startPostgres(t)
	run(t, func(ctx context.Context) error {
		const tasks = 5
		p := newPool(ctx, t, address, tasks+1)
		defer p.close(ctx)
		ticks := 0
		ticking := asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
			for {
				if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
					return none{}, err
				}
				ticks++
			}
		})
		defer ticking.Cancel(nil)
		return p.with(ctx, func(holder *pgx.Conn) error {
			if _, err := holder.Exec(ctx, "select pg_advisory_lock(1)"); err != nil {
				return err
			}
			var waiting []*asyncio.Task[none]
			for range tasks {
				waiting = append(waiting, asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
					return none{}, p.with(ctx, func(c *pgx.Conn) error {
						_, err := c.Exec(ctx, "select pg_advisory_lock_shared(1)")
						return err
					})
				}))
			}
			until(ctx, t, "everybody to wait for the lock", func() bool {
				var n int
				err := holder.QueryRow(ctx, "select count(*) from pg_locks where locktype = 'advisory' and not granted").Scan(&n)
				return err == nil && n == tasks
			})
			most := 0
			for tries := 0; most < 10 && tries < 20; tries++ { // a busy machine may be late
				before := ticks
				if _, err := holder.Exec(ctx, "select pg_sleep(0.1)"); err != nil {
					return err
				}
				most = max(most, ticks-before)
			}
			if most < 10 {
				t.Errorf("%d ticks at most during queries of 100 ms", most)
			}
			if _, err := holder.Exec(ctx, "select pg_advisory_unlock(1)"); err != nil {
				return err
			}
			_, err := asyncio.Gather(ctx, waiting...).Await(ctx)
			return err
		})
	})
}

// Cancellation ends a query for its task at once, and at the server soon after: the client tells
// it from a goroutine, over a connection of its own.
func TestCancellationInterruptsPostgresQueries(t *testing.T) {
	address := startPostgres(t)
	run(t, func(ctx context.Context) error {
		p := newPool(ctx, t, address, 1)
		defer p.close(ctx)
		sleeping := func(c *pgx.Conn) int {
			var n int
			err := c.QueryRow(ctx, "select count(*) from pg_stat_activity where query like 'select pg_sleep(%' and state = 'active'").Scan(&n)
			if err != nil {
				t.Error(err)
			}
			return n
		}
		ways := map[string]func(ctx context.Context, c, observer *pgx.Conn) error{
			"task": func(ctx context.Context, c, observer *pgx.Conn) error {
				task := asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
					_, err := c.Exec(ctx, "select pg_sleep(60)")
					return none{}, err
				})
				until(ctx, t, "the query", func() bool { return sleeping(observer) == 1 })
				task.Cancel(nil)
				_, err := task.Await(ctx)
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want a cancellation", err)
				}
				return nil
			},
			"timeout": func(ctx context.Context, c, _ *pgx.Conn) error {
				limited, cancel := asyncio.WithTimeout(ctx, 500*time.Millisecond)
				defer cancel()
				_, err := c.Exec(limited, "select pg_sleep(60)")
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the end of the context", err)
				}
				return nil
			},
			"standard timeout": func(ctx context.Context, c, _ *pgx.Conn) error {
				limited, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
				defer cancel()
				_, err := c.Exec(limited, "select pg_sleep(60)")
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the end of the context", err)
				}
				return nil
			},
		}
		return p.with(ctx, func(observer *pgx.Conn) error {
			for name, interrupt := range ways {
				c, err := connectPostgres(ctx, address)
				if err != nil {
					return err
				}
				if err := interrupt(ctx, c, observer); err != nil {
					return err
				}
				if !c.IsClosed() {
					t.Errorf("%s: the connection is still open", name)
				}
				until(ctx, t, name+": the server to give the query up", func() bool { return sleeping(observer) == 0 })
				if _, _, err := asyncio.Recv(ctx, c.PgConn().CleanupDone()); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// A batch that fills all buffers in both directions, which makes the client afraid that client
// and server wait for each other.
func TestLargeBatchesOfPostgresDoNotGetStuck(t *testing.T) {
	address := startPostgres(t)
	run(t, func(ctx context.Context) error {
		p := newPool(ctx, t, address, 1)
		defer p.close(ctx)
		return p.with(ctx, func(c *pgx.Conn) error {
			const n = 10_000
			text := strings.Repeat("x", 1000)
			batch := new(pgx.Batch)
			for range n {
				batch.Queue("select $1::text", text)
			}
			results := c.SendBatch(ctx, batch)
			for i := range n {
				var got string
				if err := results.QueryRow().Scan(&got); err != nil || got != text {
					t.Fatalf("query %d: got %d bytes, %v", i, len(got), err)
				}
			}
			return results.Close()
		})
	})
}
