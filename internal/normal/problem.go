package normal

import (
	"net/netip"
	"strings"
)

// Problem returns s with more replaced than by Shape, so that what went wrong for one
// reason reads the same whomever it happened to: what stands in quotes is gone,
// addresses of mail and of the net are "N", and so are words in which digits stand
// elsewhere than at the end.
func Problem(s string) string {
	quoted, address := false, false
	for i := range len(s) { // one look is enough for most
		switch s[i] {
		case '"', '\'', '`':
			quoted = true
		case ':', '@':
			address = true
		}
	}
	if quoted {
		s = withoutQuoted(s)
	}
	if address {
		s = withoutAddresses(s)
	}
	return normalise(s, words)
}

// withoutQuoted empties what stands in quotes. One that is not closed goes to the end,
// but for those that may be an apostrophe.
func withoutQuoted(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		quote := s[i]
		if quote != '"' && quote != '\'' && quote != '`' {
			out.WriteByte(quote)
			continue
		}
		end := quotedEnd(s, i)
		switch {
		case end > 0:
			i = end
		case quote == '"':
			i = len(s)
		default:
			out.WriteByte(quote)
			continue
		}
		out.WriteString(`""`)
	}
	return out.String()
}

// quotedEnd returns where the quote stands that closes the one at i, or 0.
func quotedEnd(s string, i int) int {
	quote := s[i]
	if quote == '\'' && i > 0 && isAlnum(s[i-1]) {
		return 0
	}
	for end := i + 1; end < len(s); end++ {
		switch {
		case s[end] == '\\' && quote == '"':
			end++
		case s[end] == quote && (quote != '\'' || end+1 == len(s) || !isAlnum(s[end+1])):
			return end
		}
	}
	return 0
}

// withoutAddresses puts N in the place of mail addresses, and of those of IPv6 with
// their brackets.
func withoutAddresses(s string) string {
	var out []byte
	for start, end := 0, 0; start < len(s); start = end + 1 {
		colons, at := 0, false // in the word
		for end = start; end < len(s) && inAddress(s[end]); end++ {
			switch s[end] {
			case ':':
				colons++
			case '@':
				at = true
			}
		}
		if word := s[start:end]; at || colons > 1 {
			out = append(out, withoutAddress(word)...)
		} else {
			out = append(out, word...)
		}
		if end < len(s) {
			out = append(out, s[end])
		}
	}
	return string(out)
}

// inAddress reports whether a byte may be part of an address.
func inAddress(b byte) bool {
	switch b {
	case '@', ':', '.', '[', ']', '%', '+', '-', '_':
		return true
	}
	return isAlnum(b)
}

func withoutAddress(s string) string {
	name, host, isMail := strings.Cut(s, "@")
	if isMail && name != "" && strings.Contains(strings.TrimRight(host, ".:]"), ".") {
		return "N" + s[len(strings.TrimRight(s, ".:]")):]
	}
	bare := strings.TrimRight(s, ":.")
	open, end := strings.IndexByte(bare, '['), strings.IndexByte(bare, ']')
	if open >= 0 && end > open && isIPv6(bare[open+1:end]) {
		return s[:open] + "N" + s[end+1:]
	}
	if isIPv6(bare) {
		return "N" + s[len(bare):]
	}
	return s
}

func isIPv6(s string) bool {
	address, err := netip.ParseAddr(s)
	return err == nil && address.Is6() && hasDigit(s)
}
