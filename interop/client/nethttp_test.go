package interop_test

// The site of the suite on net/http.

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// site serves the files below root and a page for each case. The slow ones end when over
// is closed, for net/http does not notice that a client has gone whose body it has not read.
func site(root string, over <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/files/", http.FileServer(http.Dir(root)))
	mux.HandleFunc("/method", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Method) })
	mux.HandleFunc("/raw/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		w.Write(body)
	})
	mux.HandleFunc("/form", parsed)
	mux.Handle("/hop", http.RedirectHandler("/hop2", http.StatusFound))
	mux.Handle("/hop2", http.RedirectHandler("/method", http.StatusMovedPermanently))
	mux.Handle("/keep", http.RedirectHandler("/echo", http.StatusTemporaryRedirect))
	mux.HandleFunc("/cookies/set", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes", Path: "/"})
		http.Redirect(w, r, "/cookies", http.StatusFound)
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Cookie")) })
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		text, _ := os.ReadFile(filepath.Join(root, "files", "text"))
		z.Write(text)
		z.Close()
	})
	mux.HandleFunc("/coded/{coding}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", r.PathValue("coding"))
		http.ServeFile(w, r, filepath.Join(root, "coded", r.PathValue("coding")))
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		text, _ := os.ReadFile(filepath.Join(root, "files", "text"))
		w.Write(text)
		w.Header().Set("X-Sum", "42")
	})
	for _, path := range []string{"/refuse", "/expected"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) })
	}
	for path, some := range map[string]string{"/silent": "", "/stall": "some"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if some != "" {
				io.WriteString(w, some)
				w.(http.Flusher).Flush()
			}
			select {
			case <-r.Context().Done():
			case <-over:
			}
		})
	}
	mux.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "0123456789")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	return mux
}

// parsed answers with the fields of a form, one on a line.
func parsed(w http.ResponseWriter, r *http.Request) {
	reader, err := r.MultipartReader()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for {
		part, err := reader.NextPart()
		if err != nil {
			return
		}
		body, _ := io.ReadAll(part)
		if part.FileName() != "" {
			fmt.Fprintf(w, "%s=%s %s %d\n", part.FormName(), part.FileName(), part.Header.Get("Content-Type"), len(body))
		} else {
			fmt.Fprintf(w, "%s=%s\n", part.FormName(), body)
		}
	}
}

func TestClientAgainstNetHTTP(t *testing.T) {
	root, over := content(t), make(chan struct{})
	var urls []string
	for _, kind := range []string{"plain", "tls", "brief"} {
		server := httptest.NewUnstartedServer(site(root, over))
		switch kind {
		case "plain":
			server.Start()
		case "tls":
			server.EnableHTTP2 = true
			server.TLS = identity(t).config()
			server.StartTLS()
		case "brief":
			server.Config.IdleTimeout = 200 * time.Millisecond
			server.Start()
		}
		defer server.Close()
		urls = append(urls, strings.TrimSuffix(server.URL, "/"))
	}
	defer close(over)
	suite(t, server{
		plain: urls[0], tls: urls[1], brief: urls[2], proto: "HTTP/2.0",
		echoes: true, parses: true, trailers: true, breaks: true,
	})
}
