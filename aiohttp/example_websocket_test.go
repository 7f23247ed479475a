package aiohttp_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
)

// withEcho runs body beside a server that sends WebSocket messages back.
func withEcho(body func(ctx context.Context, session *aiohttp.ClientSession, url string) error) {
	withServer(echoWS, body)
}

// withServer runs body beside a server.
func withServer(handler web.Handler, body func(ctx context.Context, session *aiohttp.ClientSession, url string) error) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		app := web.NewApplication()
		app.Router().AddGet("/echo", handler)
		runner := web.NewAppRunner(app)
		if err := runner.Setup(ctx); err != nil {
			return struct{}{}, err
		}
		defer runner.Cleanup(context.WithoutCancel(ctx))
		site := web.NewTCPSite(runner, "127.0.0.1:0")
		if err := site.Start(ctx); err != nil {
			return struct{}{}, err
		}
		session := aiohttp.NewClientSession()
		defer session.Close()
		return struct{}{}, body(ctx, session, site.URL()+"/echo")
	})
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleClientSession_WSConnect() {
	withEcho(func(ctx context.Context, session *aiohttp.ClientSession, url string) error {
		ws, err := session.WSConnect(ctx, url, aiohttp.WithWSHeartbeat(30*time.Second), aiohttp.WithWSCompress(15))
		if err != nil {
			return err
		}
		if err := ws.SendString(ctx, "Hello"); err != nil {
			return err
		}
		text, err := ws.ReceiveString(ctx)
		fmt.Println(text, err)
		err = ws.Close(ctx, aiohttp.WSCloseOK, "that was all")
		fmt.Println(ws.CloseCode(), err)
		return nil
	})
	// Output:
	// Hello <nil>
	// 1000 (ok) <nil>
}

// One task sends while another receives.
func ExampleWebSocket_All() {
	withEcho(func(ctx context.Context, session *aiohttp.ClientSession, url string) error {
		ws, err := session.WSConnect(ctx, url)
		if err != nil {
			return err
		}
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				for _, word := range []string{"one", "two", "three"} {
					if err := ws.SendString(ctx, word); err != nil {
						return err
					}
				}
				return nil
			})
			for msg, err := range ws.All(ctx) {
				if err != nil {
					return err
				}
				fmt.Println(msg.Type, msg.Text())
				if msg.Text() == "three" {
					return ws.Close(ctx, aiohttp.WSCloseOK, "")
				}
			}
			return nil
		})
	})
	// Output:
	// TEXT one
	// TEXT two
	// TEXT three
}

func ExampleWSServerHandshakeError() {
	withEcho(func(ctx context.Context, session *aiohttp.ClientSession, url string) error {
		_, err := session.WSConnect(ctx, url+"/nowhere")
		var refused *aiohttp.WSServerHandshakeError
		if errors.As(err, &refused) {
			fmt.Println(refused.Status, refused.Message)
		}
		return nil
	})
	// Output: 404 invalid response status
}

// The server goes away after every second message; the client does not notice.
func ExampleReconnectingWebSocket() {
	count := 0
	unsteady := func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		ws := &web.WebSocketResponse{}
		if err := ws.Prepare(ctx, req); err != nil {
			return nil, err
		}
		topic, err := ws.ReceiveString(ctx)
		if err != nil {
			return ws, err
		}
		for range 2 {
			count++
			if err := ws.SendString(ctx, fmt.Sprint(topic, " ", count)); err != nil {
				return nil, err
			}
		}
		return ws, ws.Close(ctx, aiohttp.WSCloseServiceRestart, "")
	}
	withServer(unsteady, func(ctx context.Context, session *aiohttp.ClientSession, url string) error {
		ws := aiohttp.NewReconnectingWebSocket(session, url,
			aiohttp.WithReconnectDelay(time.Millisecond, time.Second),
			aiohttp.WithOnConnect(func(ctx context.Context, ws *aiohttp.ClientWebSocketResponse) error {
				return ws.SendString(ctx, "weather") // subscribe, again
			}))
		for msg, err := range ws.All(ctx) {
			if err != nil {
				return err
			}
			fmt.Println(msg.Text())
			if msg.Text() == "weather 5" {
				ws.Close(ctx, aiohttp.WSCloseOK, "")
			}
		}
		fmt.Println(ws.Stats().Connects, "connections")
		return nil
	})
	// Output:
	// weather 1
	// weather 2
	// weather 3
	// weather 4
	// weather 5
	// 3 connections
}
