package bench

// The floor of an HTTP client in Go: what is left when nothing is done but moving the bytes.
// One goroutine, one epoll descriptor, system calls of which the runtime is not told, a request
// that is always the same, and of an answer only its length is looked at. Nobody would want to
// use it; it tells how much of a client's figure is the kernel's.

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"unsafe"
)

var floor = []Impl{{"floor", getFloor}}

// floorClient has the connections of one round.
type floorClient struct {
	epoll   int
	request []byte
	body    int
	total   map[int32]int // of each descriptor: bytes of the whole answer, 0 before its head
	got     map[int32]int
	buffer  []byte
	left    int // requests to be sent
	waiting int // answers to come
}

func getFloor(r Round) {
	c, err := newFloorClient(r)
	if err != nil {
		panic("bench: " + err.Error())
	}
	defer c.close()
	for first := true; first || r.Loop(); first = false {
		c.left = r.N
		if first {
			c.left = r.AtOnce
		}
		if err := c.batch(); err != nil {
			panic("bench: " + err.Error())
		}
	}
}

func newFloorClient(r Round) (*floorClient, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	addr, err := net.ResolveTCPAddr("tcp4", u.Host)
	if err != nil {
		return nil, err
	}
	c := &floorClient{
		request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: gzip\r\n\r\n", u.RequestURI(), u.Host),
		body:    r.Body, buffer: make([]byte, 64<<10),
		total: make(map[int32]int), got: make(map[int32]int),
	}
	if c.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for range r.AtOnce {
		if err := c.dial(addr); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *floorClient) dial(addr *net.TCPAddr) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.total[int32(fd)] = 0
	return errors.Join(
		syscall.Connect(fd, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}),
		syscall.SetNonblock(fd, true),
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.EpollCtl(c.epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}),
	)
}

func (c *floorClient) close() {
	for fd := range c.total {
		_ = syscall.Close(int(fd))
	}
	_ = syscall.Close(c.epoll)
}

// batch sends the requests that are left and reads their answers.
func (c *floorClient) batch() error {
	for fd := range c.total {
		if err := c.send(fd); err != nil {
			return err
		}
	}
	var events [Connections]syscall.EpollEvent
	for c.waiting > 0 {
		n, err := syscall.EpollWait(c.epoll, events[:], -1)
		if err != nil && err != syscall.EINTR {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			if err := c.receive(e.Fd); err != nil {
				return err
			}
		}
	}
	return nil
}

// send sends one more request on fd, if there is one.
func (c *floorClient) send(fd int32) error {
	if c.left == 0 {
		return nil
	}
	c.left--
	c.waiting++
	if n, errno := transfer(syscall.SYS_WRITE, fd, c.request); n != len(c.request) {
		return fmt.Errorf("wrote %d of %d bytes of a request: %w", n, len(c.request), errno)
	}
	return nil
}

// receive reads what has arrived on fd.
func (c *floorClient) receive(fd int32) error {
	n, errno := transfer(syscall.SYS_READ, fd, c.buffer)
	if n <= 0 {
		return fmt.Errorf("an answer broke off: %w", errno)
	}
	if c.total[fd] == 0 {
		total, err := c.length(c.buffer[:n])
		if err != nil {
			return err
		}
		c.total[fd] = total
	}
	if c.got[fd] += n; c.got[fd] < c.total[fd] {
		return nil
	}
	c.got[fd], c.total[fd] = 0, 0
	c.waiting--
	return c.send(fd)
}

// length finds out how long an answer is that begins with p.
func (c *floorClient) length(p []byte) (int, error) {
	const field = "Content-Length: "
	end := bytes.Index(p, []byte("\r\n\r\n"))
	at := bytes.Index(p, []byte(field))
	if !bytes.HasPrefix(p, []byte("HTTP/1.1 "+strconv.Itoa(http.StatusOK))) || end < 0 || at < 0 || at > end {
		return 0, errors.New("not the head of a successful answer")
	}
	body := 0
	for _, digit := range p[at+len(field) : at+len(field)+bytes.IndexByte(p[at+len(field):], '\r')] {
		body = body*10 + int(digit-'0')
	}
	if body != c.body {
		return 0, fmt.Errorf("%w: %d, want %d", errLength, body, c.body)
	}
	return end + len("\r\n\r\n") + body, nil
}

// transfer is read or write of a descriptor that does not block.
func transfer(call uintptr, fd int32, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
