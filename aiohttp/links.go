package aiohttp

// Headers that say something about a body besides what it is: where its neighbours
// are (Link, RFC 8288) and what it should be called (Content-Disposition, RFC 6266).
// Both come from the server and are read leniently: what cannot be understood is left
// out.

import (
	"mime"
	"net/url"
	"path"
	"strings"
)

// A Link is one relation that a response declares to another resource.
type Link struct {
	// URL is where it leads, resolved against the URL of the response.
	URL *url.URL
	// Rel is the relation, in lower case: "next", "prev", "canonical" …
	Rel string
	// Params are the other parameters, names in lower case; of one that was repeated
	// the first counts.
	Params map[string]string
}

// Links returns the links of the response's Link headers in the order in which they
// stand there, one for each relation of each. Links without rel have the relation "".
// aiohttp: ClientResponse.links.
func (r *ClientResponse) Links() []Link {
	var links []Link
	for _, line := range r.Headers["Link"] {
		links = appendLinks(links, line, r.URL)
	}
	return links
}

// Link returns where the first link with the relation leads, nil if there is none. The
// relation is compared without regard to case. It is how one pages through a
// collection: resp.Link("next").
func (r *ClientResponse) Link(rel string) *url.URL {
	rel = asciiLower(rel)
	for _, l := range r.Links() {
		if l.Rel == rel {
			return l.URL
		}
	}
	return nil
}

// appendLinks parses one Link header (RFC 8288 appendix B.2).
func appendLinks(links []Link, line string, base *url.URL) []Link {
	for {
		_, rest, ok := strings.Cut(line, "<")
		if !ok {
			return links
		}
		target, rest, ok := strings.Cut(rest, ">")
		if !ok {
			return links
		}
		rels, params := "", map[string]string{}
		for {
			rest = strings.TrimLeft(rest, " \t")
			if !strings.HasPrefix(rest, ";") {
				break
			}
			var name, value string
			name, value, rest = cutParam(rest[1:])
			switch _, known := params[name]; {
			case name == "rel" && rels == "":
				rels = value
			case name != "rel" && name != "" && !known:
				params[name] = value
			}
		}
		line = rest
		if to, err := base.Parse(strings.TrimSpace(target)); err == nil {
			names := strings.Fields(asciiLower(rels))
			if len(names) == 0 {
				names = []string{""}
			}
			for _, rel := range names {
				links = append(links, Link{URL: to, Rel: rel, Params: params})
			}
		}
		// Whatever else stands there before the next comma is not a parameter.
		if _, next, ok := strings.Cut(line, ","); ok {
			line = next
		} else {
			return links
		}
	}
}

// cutParam takes one "name=value" or `name="value"` from the front of s.
func cutParam(s string) (name, value, rest string) {
	end := strings.IndexAny(s, "=;,")
	if end < 0 {
		return asciiLower(strings.TrimSpace(s)), "", ""
	}
	name = asciiLower(strings.TrimSpace(s[:end]))
	if s[end] != '=' {
		return name, "", s[end:]
	}
	s = strings.TrimLeft(s[end+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		if end = strings.IndexAny(s, ";,"); end < 0 {
			end = len(s)
		}
		return name, strings.TrimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return name, b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return name, b.String(), ""
}

// A ContentDisposition says what is to be done with a body.
type ContentDisposition struct {
	// Type is "inline", "attachment" or another word, in lower case.
	Type string
	// Filename is the name the server proposes, without any directory, or "".
	Filename string
	// Params are all parameters, decoded (RFC 5987).
	Params map[string]string
}

// ContentDisposition returns what the Content-Disposition header says, the zero value if
// there is none or it makes no sense. aiohttp: ClientResponse.content_disposition.
func (r *ClientResponse) ContentDisposition() ContentDisposition {
	kind, params, err := mime.ParseMediaType(r.Headers.Get("Content-Disposition"))
	if err != nil {
		return ContentDisposition{}
	}
	return ContentDisposition{Type: kind, Filename: baseName(params["filename"]), Params: params}
}

// baseName takes the directories, of any system, off a name from the network.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return name
}
