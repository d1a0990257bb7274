package tablecode

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var templateFiles embed.FS

// What is quoted are names of a table and of attributes, in which nothing needs to be escaped.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"double": func(all []string) string { return quoted(`"`, all) },
	"single": func(all []string) string { return quoted(`'`, all) },
	"string": func(s *string) string { return *s },
}).ParseFS(templateFiles, "*.tmpl"))

func quoted(quote string, all []string) string {
	quotes := make([]string, len(all))
	for i, s := range all {
		quotes[i] = fmt.Sprint(quote, s, quote)
	}
	return strings.Join(quotes, ", ")
}
