package viewer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// statics maps the names by which pages ask for the files of a folder to theirs. The
// names tell what is in them, so that a browser keeps them for a year and asks again when
// they have changed.
type statics map[string]string

func hashedStatics(files fs.FS, folder string) (statics, error) {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, err
	}
	names := make(statics)
	for _, entry := range entries {
		name := entry.Name()
		content, err := fs.ReadFile(files, path.Join(folder, name))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(name)
		names[strings.TrimSuffix(name, ext)+"-"+hex.EncodeToString(sum[:5])+ext] = path.Join(folder, name)
	}
	return names, nil
}

// address returns by which name pages ask for a file.
func (s statics) address(file string) (string, error) {
	for name, of := range s {
		if path.Base(of) == file {
			return name, nil
		}
	}
	return "", fmt.Errorf("viewer: there is no file %s", file)
}

// serve serves the file of a name, and returns false where there is none.
func (s statics) serve(w http.ResponseWriter, r *http.Request, name string) bool {
	file, found := s[name]
	if found {
		w.Header().Set("Cache-Control", "max-age=31536000, immutable") // a year; RFC 8246 says what immutable means
		http.ServeFileFS(w, r, files, file)
	}
	return found
}

// compressed compresses what is more than one packet of a network, for browsers that say
// they can read it: in the way that takes the least time, as pages repeat themselves so
// much that they become a tenth of their size in any.
func compressed(h http.Handler) http.Handler {
	const worthIt = 1 << 10 // bytes
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(worthIt), gzhttp.CompressionLevel(gzip.BestSpeed))
	if err != nil {
		return h // only options that contradict each other are an error
	}
	return wrap(h)
}
