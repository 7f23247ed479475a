package http1_test

import (
	"fmt"

	"github.com/aio-go/aio/internal/http1"
)

// A decoder is fed pieces of any size as they arrive; here the message comes in three, cut in awkward places.
func ExampleDecoder() {
	d := http1.NewResponseDecoder(http1.Limits{}, true)
	d.SetRequestMethod("GET")
	for _, piece := range []string{
		"HTTP/1.1 200 OK\r\ncontent-ty", "pe: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhel", "lo\n\r\n0\r\n\r\n",
	} {
		for in := []byte(piece); ; {
			ev, n, err := d.Next(in)
			if err != nil {
				fmt.Println(err)
				return
			}
			switch ev.Kind {
			case http1.EventHead:
				fmt.Println(d.Head().Status, d.Head().Header["Content-Type"])
			case http1.EventData:
				fmt.Printf("%q\n", ev.Data)
			case http1.EventEnd:
				fmt.Println("complete, keep-alive:", d.Head().KeepAlive)
			}
			if ev.Kind == http1.NeedMore {
				break
			}
			in = in[n:]
		}
	}
	// Output:
	// 200 [text/plain]
	// "hel"
	// "lo\n"
	// complete, keep-alive: true
}
