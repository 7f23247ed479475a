package main

import (
	"context"
	"testing"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/examples/internal/stdout"
)

const want = `Ada heard ["welcome, Ada" "Ada: hello from Ada" "Edsger: hello from Edsger" "Grace: hello from Grace"]
Edsger heard ["welcome, Edsger" "Ada: hello from Ada" "Edsger: hello from Edsger" "Grace: hello from Grace"]
Grace heard ["welcome, Grace" "Ada: hello from Ada" "Edsger: hello from Edsger" "Grace: hello from Grace"]
`

func TestOutput(t *testing.T) {
	got := stdout.Of(t, func() {
		_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) { return struct{}{}, program(ctx, "") })
		if err != nil {
			t.Error(err)
		}
	})
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
