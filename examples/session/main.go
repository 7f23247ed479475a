// Command session fetches several URLs at once through one session, which keeps connections
// open and uses them again. URLs are taken from the command line; without any, a demo server in
// the same process provides three.
//
// In Python:
//
//	async def fetch_page(session, url):
//	    print("Requesting", url)
//	    async with session.get(url) as response:
//	        print("Receiving from", url)
//	        return await response.text()
//
//	async def main(urls):
//	    async with aiohttp.ClientSession() as session:
//	        await asyncio.gather(*(fetch_page(session, url) for url in urls))
//
//	asyncio.run(main(sys.argv[1:]))
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/demo"
)

func fetchPage(session *aiohttp.ClientSession, url string) asyncio.Coroutine[string] {
	return func(ctx context.Context) (string, error) {
		fmt.Println("Requesting", url)
		response, err := session.Get(ctx, url)
		if err != nil {
			return "", err
		}
		defer response.Close()
		fmt.Println("Receiving from", url)
		return response.Text(ctx)
	}
}

func program(urls []string) error {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) ([]string, error) {
		if len(urls) == 0 {
			site, err := demo.Start(ctx, "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			defer site.Stop(ctx)
			urls = []string{site.URL() + "/delay/0.1", site.URL() + "/delay/0.2", site.URL() + "/delay/0.3"}
		}
		session := aiohttp.NewClientSession()
		defer session.Close()
		var tasks []*asyncio.Task[string]
		for _, url := range urls {
			tasks = append(tasks, asyncio.EnsureFuture(ctx, fetchPage(session, url)))
		}
		return asyncio.Gather(ctx, tasks...).Await(ctx)
	})
	return err
}

func main() {
	if err := program(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
