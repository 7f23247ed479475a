package sink

import "errors"

// OpenPortable is Open with the backend that other systems use.
func OpenPortable(path string, opts Options) (*Dir, error) {
	d, err := Open(path, opts)
	if err != nil {
		return nil, err
	}
	d.back.close()
	d.back, err = probeNamed(path)
	return d, err
}

// FailAt makes the n-th operation named op of d (create, write, sync, publish) fail with err; n counts from 1.
func FailAt(d *Dir, op string, n int, err error) { d.back = &faulty{d.back, op, n, err} }

type faulty struct {
	backend
	op   string
	left int
	err  error
}

func (b *faulty) fail(op string) error {
	if op != b.op {
		return nil
	}
	if b.left--; b.left == 0 {
		return b.err
	}
	return nil
}

func (b *faulty) create() (handle, error) {
	if err := b.fail("create"); err != nil {
		return nil, err
	}
	h, err := b.backend.create()
	return &faultyHandle{h, b}, err
}

type faultyHandle struct {
	handle
	b *faulty
}

func (h *faultyHandle) write(p []byte) error {
	return errors.Join(h.b.fail("write"), h.handle.write(p))
}

func (h *faultyHandle) sync() error { return errors.Join(h.b.fail("sync"), h.handle.sync()) }

func (h *faultyHandle) publish(name string, replace bool) error {
	if err := h.b.fail("publish"); err != nil {
		return err
	}
	return h.handle.publish(name, replace)
}
