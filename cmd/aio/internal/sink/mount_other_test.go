//go:build !linux

package sink_test

import "errors"

func mountTiny(string) error { return errors.ErrUnsupported }

func remountReadOnly(string) error { return errors.ErrUnsupported }

func unmount(string) {}
