package wsproto_test

import (
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/wsproto"
)

// RFC 6455 §1.3
func TestAcceptKey(t *testing.T) {
	if got := wsproto.AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("got %s", got)
	}
}

func TestKeysAreSixteenBytes(t *testing.T) {
	for key, want := range map[string]bool{
		"dGhlIHNhbXBsZSBub25jZQ==": true, "": false, "aGVsbG8=": false, "dGhlIHNhbXBsZSBub25jZQ": false, "dGhlIHNhbXBsZSBub25jZQ=\n=": false,
		"dGhlIHNhbXBsZSBub25jZR==": false, "dGhlIHNhbXBsZSBub25jZSEhISE=": false,
	} {
		if got := wsproto.ValidKey(key); got != want {
			t.Errorf("%q: got %t want %t", key, got, want)
		}
	}
}

// RFC 7692 §7.1: what a server answers to an offer.
func TestServerAcceptsTheFirstOfferItUnderstands(t *testing.T) {
	for offer, want := range map[string]string{
		"permessage-deflate":                                                         "permessage-deflate",
		"permessage-deflate; client_max_window_bits":                                 "permessage-deflate",
		"permessage-deflate; server_max_window_bits=10":                              "permessage-deflate; server_max_window_bits=10",
		`permessage-deflate; server_max_window_bits="10"`:                            "permessage-deflate; server_max_window_bits=10",
		"permessage-deflate ; server_no_context_takeover;client_max_window_bits=9":   "permessage-deflate; server_no_context_takeover; client_max_window_bits=9",
		"permessage-deflate; client_no_context_takeover":                             "permessage-deflate; client_no_context_takeover",
		"permessage-deflate; server_max_window_bits=16, permessage-deflate":          "permessage-deflate",
		"x-webkit-deflate-frame, permessage-deflate":                                 "permessage-deflate",
		"permessage-deflate; server_max_window_bits":                                 "",
		"permessage-deflate; server_max_window_bits=7":                               "",
		"permessage-deflate; server_max_window_bits=010":                             "",
		"permessage-deflate; server_no_context_takeover=1":                           "",
		"permessage-deflate; unknown":                                                "",
		"permessage-deflate; client_no_context_takeover; client_no_context_takeover": "",
		"permessage-deflate;":                                                        "",
		"per message deflate":                                                        "",
		"x-other":                                                                    "",
		"":                                                                           "",
	} {
		_, got, ok := wsproto.AcceptOffer([]string{offer}, wsproto.Deflate{})
		if got != want || ok != (want != "") {
			t.Errorf("%s: got %q want %q", offer, got, want)
		}
	}
	_, got, _ := wsproto.AcceptOffer([]string{"permessage-deflate; client_max_window_bits"}, wsproto.Deflate{ClientBits: 10, ServerBits: 9, ClientNoTakeover: true, ServerNoTakeover: true})
	if want := "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10"; got != want {
		t.Errorf("own wishes: got %q want %q", got, want)
	}
}

// What a client makes of a server's answer.
func TestClientChecksTheAnswer(t *testing.T) {
	all := &wsproto.Deflate{}
	for name, row := range map[string]struct {
		offered *wsproto.Deflate
		answer  string
		fault   string
	}{
		"plain":                      {all, "permessage-deflate", ""},
		"parameters":                 {all, "permessage-deflate; server_no_context_takeover; client_max_window_bits=10; server_max_window_bits=12", ""},
		"not offered":                {nil, "permessage-deflate", "not offered"},
		"another extension":          {all, "x-webkit-deflate-frame", "not offered"},
		"two":                        {all, "permessage-deflate, permessage-deflate", "not offered"},
		"unknown parameter":          {all, "permessage-deflate; x=1", `parameter "x"`},
		"bits without value":         {all, "permessage-deflate; client_max_window_bits", "parameter"},
		"bits too large":             {all, "permessage-deflate; client_max_window_bits=16", "8 to 15"},
		"malformed":                  {all, "permessage-deflate; =", "malformed"},
		"more than asked for":        {&wsproto.Deflate{ServerBits: 10}, "permessage-deflate; server_max_window_bits=11", "at most 10"},
		"silence where asked":        {&wsproto.Deflate{ServerBits: 10}, "permessage-deflate", "at most 10"},
		"as asked":                   {&wsproto.Deflate{ServerBits: 10}, "permessage-deflate; server_max_window_bits=9", ""},
		"takeover against the offer": {&wsproto.Deflate{ServerNoTakeover: true}, "permessage-deflate", "server_no_context_takeover"},
	} {
		got, err := wsproto.CheckAnswer([]string{row.answer}, row.offered)
		switch {
		case row.fault == "" && (err != nil || got == nil):
			t.Errorf("%s: got %v", name, err)
		case row.fault != "" && (err == nil || !strings.Contains(err.Error(), row.fault)):
			t.Errorf("%s: got %v, want %q", name, err, row.fault)
		}
	}
	if got, err := wsproto.CheckAnswer(nil, all); got != nil || err != nil {
		t.Errorf("no answer: got %v and %v, want no compression", got, err)
	}
}

// Whatever a client offers, what the server answers is an answer to it, and both read it alike.
func TestOffersAndAnswersAgree(t *testing.T) {
	for _, offered := range []wsproto.Deflate{{}, {ServerBits: 9}, {ClientBits: 10}, {ClientNoTakeover: true}, {ServerNoTakeover: true, ServerBits: 8, ClientBits: 8}} {
		for _, want := range []wsproto.Deflate{{}, {ServerBits: 12}, {ClientBits: 11}, {ClientNoTakeover: true, ServerNoTakeover: true}} {
			server, header, ok := wsproto.AcceptOffer([]string{offered.Offer()}, want)
			if !ok {
				t.Errorf("%q was refused", offered.Offer())
				continue
			}
			client, err := wsproto.CheckAnswer([]string{header}, &offered)
			if err != nil || *client != server {
				t.Errorf("%q answered by %q: got %+v and %v, the server has %+v", offered.Offer(), header, client, err, server)
			}
		}
	}
}
