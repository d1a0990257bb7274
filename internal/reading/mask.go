package reading

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// A Mask hides what is no one else's business before a story is handed to somebody: the
// values of attributes, and of members of JSON, whose names speak of secrets, and what a
// rule of the user's says.
type Mask struct {
	// Rule returns what is to stand in the place of a value; the value itself where it may
	// be seen. It is asked for attributes of headers and lines that are not masked anyhow,
	// and, with the name "msg", for messages. No rule if nil.
	Rule func(name, value string) string
}

const masked = "[masked]"

var secretNames = []string{"authorization", "password", "passwd", "passphrase", "secret", "token", "cookie", "apikey", "api_key", "api-key", "private_key", "credential"}

// IsSecret reports whether an attribute's name, or a text with names in it, speaks of a
// secret.
func IsSecret(text string) bool {
	text = strings.ToLower(text)
	for _, secret := range secretNames {
		if strings.Contains(text, secret) {
			return true
		}
	}
	return false
}

// secretMember is a member of JSON, or a word of a URL's query or a header, with a secret;
// quotes may be escaped, as within a quoted value.
var secretMember = regexp.MustCompile(`(?i)((?:` + strings.Join(secretNames, "|") + `)[a-z0-9_-]*\\?["']?\s*[:=]\s*)(\\?"(?:[^"\\]|\\[^"])*\\?"|(?:bearer |basic )?[^\s"',;&}\\]+)`)

func (m Mask) text(name, value string) string {
	if IsSecret(name) {
		return masked
	}
	if IsSecret(value) { // which is fast to say
		value = secretMember.ReplaceAllString(value, "${1}"+masked)
	}
	if m.Rule != nil {
		return m.Rule(name, value)
	}
	return value
}

// Story returns a story of which nothing is to be seen that the mask hides. The story
// itself stays as it is.
func (m Mask) Story(s story.Story) story.Story {
	attrs := make(map[string]string, len(s.Attrs))
	for name, value := range s.Attrs {
		attrs[name] = m.text(name, value)
	}
	s.Attrs = attrs
	s.Title, s.Cause = m.text("msg", s.Title), m.text("msg", s.Cause)
	lines := make([]story.Line, len(s.Lines))
	for i, line := range s.Lines {
		line.Message, line.Attrs = m.text("msg", line.Message), m.attrs(line.Attrs)
		lines[i] = line
	}
	s.Lines = lines
	return s
}

func (m Mask) attrs(attrs string) string {
	var out strings.Builder
	for a := range AttrTexts(attrs) {
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		text := a.Text
		if shown := m.text(a.Name, a.Value); shown != a.Value {
			text = shown
			if quoted := strconv.Quote(shown); shown == "" || strings.ContainsAny(shown, " =") || quoted != `"`+shown+`"` {
				text = quoted
			}
		}
		if a.Name != "" {
			out.WriteString(a.Name + "=")
		}
		out.WriteString(text)
	}
	return out.String()
}
