package databases_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/aio-go/aio/asyncio"
)

// newRedis returns a client for tasks, of which at most tasks use it at a time.
func newRedis(ctx context.Context, address string, tasks int) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:   address,
		Dialer: asyncio.SharedDialer(ctx, nil),
		// A task that finds the pool empty would hold the loop up until another has given a
		// connection back, which it then cannot; and the pauses between attempts would too.
		PoolSize:                 tasks,
		MaxRetries:               -1,
		ContextTimeoutEnabled:    true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// awaitRedis waits until the server answers.
func awaitRedis(ctx context.Context, t *testing.T, client *redis.Client) {
	t.Helper()
	until(ctx, t, "the server", func() bool { return client.Ping(ctx).Err() == nil })
}

func TestRedisClientRunsInTasks(t *testing.T) {
	address := startRedis(t)
	run(t, func(ctx context.Context) error {
		const tasks = 20
		client := newRedis(ctx, address, tasks)
		defer client.Close()
		awaitRedis(ctx, t, client)
		total := 0 // shared by the tasks without a lock
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i := range tasks {
				g.Go(func(ctx context.Context) error {
					key := fmt.Sprint("key", i)
					for n := range 50 {
						if err := client.Set(ctx, key, n, 0).Err(); err != nil {
							return err
						}
						got, err := client.Get(ctx, key).Int()
						if err != nil || got != n {
							return fmt.Errorf("%s: got %d, %w, want %d", key, got, err, n)
						}
						total++
					}
					return client.Incr(ctx, "sum").Err()
				})
			}
			return nil
		})
		if err != nil {
			return err
		}
		if got, err := client.Get(ctx, "sum").Int(); got != tasks || err != nil || total != tasks*50 {
			t.Errorf("the sum is %d, %v, want %d; %d rounds", got, err, tasks, total)
		}
		results, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 1000 {
				p.RPush(ctx, "list", i)
			}
			return nil
		})
		if err != nil || len(results) != 1000 {
			t.Errorf("a pipeline: %d results, %v", len(results), err)
		}
		if err := client.Get(ctx, "absent").Err(); !errors.Is(err, redis.Nil) {
			t.Errorf("got %v, want redis.Nil", err)
		}
		return nil
	})
}

// Commands that wait at the server hold up nobody else: each ends only because another task
// does something meanwhile.
func TestRedisCommandsOverlap(t *testing.T) {
	address := startRedis(t)
	run(t, func(ctx context.Context) error {
		const tasks = 10
		client := newRedis(ctx, address, tasks+1)
		defer client.Close()
		awaitRedis(ctx, t, client)
		var popped []string
		var waiting []*asyncio.Task[none]
		for i := range tasks {
			waiting = append(waiting, asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
				got, err := client.BLPop(ctx, 0, fmt.Sprint("queue", i)).Result()
				popped = append(popped, got...)
				return none{}, err
			}))
		}
		blocked := func() bool {
			info, err := client.Info(ctx, "clients").Result()
			return err == nil && contains(info, fmt.Sprintf("blocked_clients:%d", tasks))
		}
		until(ctx, t, "everybody to wait", blocked)
		for i := tasks - 1; i >= 0; i-- {
			if err := client.RPush(ctx, fmt.Sprint("queue", i), i).Err(); err != nil {
				return err
			}
			if _, err := waiting[i].Await(ctx); err != nil {
				return err
			}
		}
		if want := "[queue9 9 queue8 8"; fmt.Sprint(popped)[:len(want)] != want {
			t.Errorf("got %v, want them in the order of pushing", popped)
		}
		return nil
	})
}

func TestCancellationInterruptsRedisCommands(t *testing.T) {
	address := startRedis(t)
	run(t, func(ctx context.Context) error {
		client := newRedis(ctx, address, 2)
		defer client.Close()
		awaitRedis(ctx, t, client)
		waiting := asyncio.CreateTask(ctx, func(ctx context.Context) ([]string, error) {
			return client.BLPop(ctx, 0, "never").Result()
		})
		until(ctx, t, "the task to wait", func() bool {
			info, err := client.Info(ctx, "clients").Result()
			return err == nil && contains(info, "blocked_clients:1")
		})
		waiting.Cancel(nil)
		if _, err := waiting.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want a cancellation", err)
		}
		limited, cancel := asyncio.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		_, err := client.BLPop(limited, 0, "never").Result()
		if ne := net.Error(nil); !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
		return client.Ping(ctx).Err() // the client goes on
	})
}
