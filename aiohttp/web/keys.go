package web

// Typed keys: values that an application, a request or a response carries along, with the type in the key instead of
// in every reader. Keys are compared by identity, so two packages cannot collide.

import "fmt"

// AppKey is a key for values of an [Application].
type AppKey[T any] struct{ name string }

// NewAppKey makes a key. The name is for messages only.
func NewAppKey[T any](name string) *AppKey[T] { return &AppKey[T]{name} }

// String returns the name of the key.
func (k *AppKey[T]) String() string { return k.name }

// Set stores a value. It panics once the application has started: handlers share it and must not find it changing.
func (k *AppKey[T]) Set(app *Application, v T) {
	if app.state != appOpen {
		panic("web: " + k.name + " is set on an application that has started; set it before, or store a pointer")
	}
	app.values.set(k, v)
}

// Get returns the value. It panics if there is none; Lookup does not.
func (k *AppKey[T]) Get(app *Application) T { return mustGet[T](&app.values, k, k.name, "application") }

// Lookup returns the value and whether there is one.
func (k *AppKey[T]) Lookup(app *Application) (T, bool) { return lookup[T](&app.values, k) }

// RequestKey is a key for values of a [Request]: what a middleware tells the handlers inside it.
type RequestKey[T any] struct{ name string }

// NewRequestKey makes a key. The name is for messages only.
func NewRequestKey[T any](name string) *RequestKey[T] { return &RequestKey[T]{name} }

// String returns the name of the key.
func (k *RequestKey[T]) String() string { return k.name }

// Set stores a value.
func (k *RequestKey[T]) Set(req *Request, v T) { req.values.set(k, v) }

// Get returns the value. It panics if there is none; Lookup does not.
func (k *RequestKey[T]) Get(req *Request) T { return mustGet[T](&req.values, k, k.name, "request") }

// Lookup returns the value and whether there is one.
func (k *RequestKey[T]) Lookup(req *Request) (T, bool) { return lookup[T](&req.values, k) }

// ResponseKey is a key for values of a response: what a handler tells the middlewares around it.
type ResponseKey[T any] struct{ name string }

// NewResponseKey makes a key. The name is for messages only.
func NewResponseKey[T any](name string) *ResponseKey[T] { return &ResponseKey[T]{name} }

// String returns the name of the key.
func (k *ResponseKey[T]) String() string { return k.name }

// Set stores a value.
func (k *ResponseKey[T]) Set(resp AnyResponse, v T) { resp.base().values.set(k, v) }

// Get returns the value. It panics if there is none; Lookup does not.
func (k *ResponseKey[T]) Get(resp AnyResponse) T {
	return mustGet[T](&resp.base().values, k, k.name, "response")
}

// Lookup returns the value and whether there is one.
func (k *ResponseKey[T]) Lookup(resp AnyResponse) (T, bool) {
	return lookup[T](&resp.base().values, k)
}

// valueStore is a small association list: few values are kept, and most stores stay empty.
type valueStore []keyValue

type keyValue struct{ key, value any }

func (s *valueStore) set(key, value any) {
	for i := range *s {
		if (*s)[i].key == key {
			(*s)[i].value = value
			return
		}
	}
	*s = append(*s, keyValue{key, value})
}

func lookup[T any](s *valueStore, key any) (T, bool) {
	for i := range *s {
		if (*s)[i].key == key {
			v, _ := (*s)[i].value.(T) // a nil stored under an interface type fails the assertion and is the zero T
			return v, true
		}
	}
	var zero T
	return zero, false
}

func mustGet[T any](s *valueStore, key any, name, where string) T {
	v, ok := lookup[T](s, key)
	if !ok {
		panic(fmt.Sprintf("web: %s has no value for key %s; set it first or use Lookup", where, name))
	}
	return v
}
