package aiohttp

// What goes over a WebSocket: messages, their types, and the codes it is closed with.

import (
	"encoding/json"
	"strconv"

	"github.com/aio-go/aio/internal/wsproto"
)

// WSMsgType is the type of a WSMessage. The first five are those of RFC 6455; the others
// stand for what happened to the connection.
type WSMsgType uint8

// The types of message. CPython: aiohttp.WSMsgType.
const (
	WSMsgContinuation = WSMsgType(wsproto.Continuation) // never received: messages come whole
	WSMsgText         = WSMsgType(wsproto.Text)         // text
	WSMsgBinary       = WSMsgType(wsproto.Binary)       // bytes
	WSMsgPing         = WSMsgType(wsproto.Ping)         // only received with WithWSManualPing
	WSMsgPong         = WSMsgType(wsproto.Pong)         // only received with WithWSManualPing
	WSMsgClose        = WSMsgType(wsproto.Close)        // the peer closes: Code, and its reason in Data
	WSMsgClosing      = WSMsgType(0x20)                 // we are closing
	WSMsgClosed       = WSMsgType(0x21)                 // the WebSocket is closed, or its connection lost
	WSMsgError        = WSMsgType(0x22)                 // the peer broke the protocol, or fell silent: Err
)

// String returns the type's name as aiohttp writes it.
func (t WSMsgType) String() string {
	switch t {
	case WSMsgContinuation:
		return "CONTINUATION"
	case WSMsgText:
		return "TEXT"
	case WSMsgBinary:
		return "BINARY"
	case WSMsgPing:
		return "PING"
	case WSMsgPong:
		return "PONG"
	case WSMsgClose:
		return "CLOSE"
	case WSMsgClosing:
		return "CLOSING"
	case WSMsgClosed:
		return "CLOSED"
	case WSMsgError:
		return "ERROR"
	}
	return "WSMsgType(" + strconv.Itoa(int(t)) + ")"
}

// WSMessage is one message. CPython: aiohttp.WSMessage.
type WSMessage struct {
	// Type says what it is.
	Type WSMsgType
	// Data is the content; for WSMsgText it is valid UTF-8, for WSMsgClose it is the
	// reason the peer gave. It belongs to whoever received the message.
	Data []byte
	// Code is the close code of a WSMsgClose, otherwise 0.
	Code WSCloseCode
	// Err is what a WSMsgError is about, otherwise nil.
	Err error
}

// Text returns Data as a string.
func (m WSMessage) Text() string { return string(m.Data) }

// JSON decodes Data into v.
func (m WSMessage) JSON(v any) error { return json.Unmarshal(m.Data, v) }

// WSCloseCode says why a WebSocket is closed (RFC 6455 section 7.4). 3000 to 3999 are for
// libraries, 4000 to 4999 for applications.
type WSCloseCode int

// The codes of RFC 6455 and its registry. CPython: aiohttp.WSCloseCode.
const (
	WSCloseOK                 WSCloseCode = 1000 // the purpose is fulfilled
	WSCloseGoingAway          WSCloseCode = 1001 // a server stops, a page is left
	WSCloseProtocolError      WSCloseCode = 1002 // the peer broke the protocol
	WSCloseUnsupportedData    WSCloseCode = 1003 // a type of message that is not understood
	WSCloseNoStatus           WSCloseCode = 1005 // the peer gave no code; never sent
	WSCloseAbnormal           WSCloseCode = 1006 // the connection was lost; never sent
	WSCloseInvalidText        WSCloseCode = 1007 // text that is not UTF-8
	WSClosePolicyViolation    WSCloseCode = 1008 // refused for a reason of the application
	WSCloseMessageTooBig      WSCloseCode = 1009 // a message above the limit
	WSCloseMandatoryExtension WSCloseCode = 1010 // the server did not agree to an extension
	WSCloseInternalError      WSCloseCode = 1011 // the server failed
	WSCloseServiceRestart     WSCloseCode = 1012 // the server restarts: connect again
	WSCloseTryAgainLater      WSCloseCode = 1013 // the server has too much to do
	WSCloseBadGateway         WSCloseCode = 1014 // the server behind the server failed
)

// String returns the number with its meaning.
func (c WSCloseCode) String() string {
	names := [...]string{"ok", "going away", "protocol error", "unsupported data", "", "no status", "abnormal closure", "invalid text",
		"policy violation", "message too big", "mandatory extension", "internal error", "service restart", "try again later", "bad gateway"}
	n := strconv.Itoa(int(c))
	if i := int(c) - 1000; i >= 0 && i < len(names) && names[i] != "" {
		return n + " (" + names[i] + ")"
	}
	return n
}
