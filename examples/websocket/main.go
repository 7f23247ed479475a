// Command websocket is a chat room and three guests in one process: a server with one WebSocket
// a guest, which passes on to all what one of them says. With -listen it is the server alone.
//
// The heart of the server, in Python:
//
//	async def chat(request):
//	    ws = web.WebSocketResponse(heartbeat=30)
//	    await ws.prepare(request)
//	    room.add(ws)
//	    try:
//	        async for msg in ws:
//	            for guest in room:
//	                await guest.send_str(msg.data)
//	    finally:
//	        room.discard(ws)
//	    return ws
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
)

// room is who listens. Tasks take turns, so it needs no lock.
type room struct {
	guests []*web.WebSocketResponse
}

// chat is the handler of one guest.
func (r *room) chat(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	ws := &web.WebSocketResponse{Heartbeat: 30 * time.Second}
	if err := ws.Prepare(ctx, req); err != nil {
		return nil, err
	}
	r.guests = append(r.guests, ws)
	defer func() { r.guests = slices.DeleteFunc(r.guests, func(g *web.WebSocketResponse) bool { return g == ws }) }()
	name := req.Query().Get("name")
	if err := ws.SendString(ctx, "welcome, "+name); err != nil {
		return nil, err
	}
	for msg, err := range ws.All(ctx) {
		if err != nil {
			return nil, err
		}
		for _, guest := range slices.Clone(r.guests) { // the list may change while one of them is slow
			_ = guest.SendString(ctx, name+": "+msg.Text()) // who has left is taken off by its own handler
		}
	}
	return ws, nil
}

// visit says something once everybody is there, and returns what it hears until all have spoken.
func visit(session *aiohttp.ClientSession, url, name string, everybody *asyncio.Barrier) asyncio.Coroutine[[]string] {
	return func(ctx context.Context) ([]string, error) {
		ws, err := session.WSConnect(ctx, url+"/chat?name="+name, aiohttp.WithWSCompress(15))
		if err != nil {
			return nil, err
		}
		heard := make([]string, 0, 4)
		for len(heard) < cap(heard) {
			line, err := ws.ReceiveString(ctx)
			if err != nil {
				return heard, err
			}
			if heard = append(heard, line); len(heard) > 1 {
				continue
			}
			if _, err := everybody.Wait(ctx); err != nil {
				return heard, err
			}
			if err := ws.SendString(ctx, "hello from "+name); err != nil {
				return heard, err
			}
		}
		return heard, ws.Close(ctx, aiohttp.WSCloseOK, "")
	}
}

func program(ctx context.Context, listen string) error {
	app := web.NewApplication()
	app.Router().AddGet("/chat", new(room).chat)
	runner := web.NewAppRunner(app)
	if err := runner.Setup(ctx); err != nil {
		return err
	}
	defer runner.Cleanup(context.WithoutCancel(ctx))
	address := listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	site := web.NewTCPSite(runner, address)
	if err := site.Start(ctx); err != nil {
		return err
	}
	if listen != "" {
		fmt.Println("chat at", site.URL()+"/chat?name=you")
		var forever asyncio.Event
		return forever.Wait(ctx)
	}
	session := aiohttp.NewClientSession()
	defer session.Close()
	names := []string{"Ada", "Edsger", "Grace"}
	everybody := asyncio.NewBarrier(len(names))
	var visits []*asyncio.Task[[]string]
	for _, name := range names {
		visits = append(visits, asyncio.CreateTask(ctx, visit(session, site.URL(), name, everybody)))
	}
	heard, err := asyncio.Gather(ctx, visits...).Await(ctx)
	for i, lines := range heard {
		slices.Sort(lines[1:]) // who speaks first is up to the network
		fmt.Printf("%s heard %q\n", names[i], lines)
	}
	return err
}

func main() {
	listen := flag.String("listen", "", "serve the chat at this address, without guests")
	flag.Parse()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, program(ctx, *listen)
	})
	if err != nil {
		log.Fatal(err)
	}
}
