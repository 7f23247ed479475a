//go:build !linux

package bench

// The floor is only known where there is epoll.

var floor []Impl
