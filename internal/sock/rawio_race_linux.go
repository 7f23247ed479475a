//go:build race || msan || asan

package sock

import "golang.org/x/sys/unix"

func pollEpoll(fd int, events []unix.EpollEvent) (int, error) {
	return unix.EpollWait(fd, events, 0)
}
