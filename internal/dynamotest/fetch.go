package dynamotest

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/npmtest"
)

// The npm package that holds DynamoDB Local 1.25.1, 57 MB.
const (
	packageName    = "amplify-dynamodb-simulator"
	packageVersion = "2.9.30"
	packageSum     = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9" // SHA-256 of its archive
	packageFolder  = "package/emulator/"
	fetchTime      = 5 * time.Minute
)

// fetch returns the folder with the emulator, which it fetches at first use. Several
// processes may do so at once.
func fetch(ctx context.Context) (string, error) {
	return npmtest.Cached("dynamodb-local-"+packageVersion, func(aside string) (unpacked string, err error) {
		npm, err := exec.LookPath("npm")
		if err != nil {
			return "", errors.New("npm is not installed (it fetches the emulator), and DYNAMODB_ENDPOINT is not set")
		}
		ctx, cancel := context.WithTimeout(ctx, fetchTime)
		defer cancel()
		pack := exec.CommandContext(ctx, npm, "pack", packageName+"@"+packageVersion)
		pack.Dir = aside
		if output, err := pack.CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm could not fetch %s: %w: %s", packageName, err, output)
		}
		unpacked = filepath.Join(aside, "unpacked")
		if err := unpack(filepath.Join(aside, packageName+"-"+packageVersion+".tgz"), unpacked); err != nil {
			return "", fmt.Errorf("unpack %s: %w", packageName, err)
		}
		return unpacked, nil
	})
}

// unpack writes the emulator's files from the package's archive into folder,
// if the archive is the one that is known.
func unpack(archive, folder string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != packageSum {
		return fmt.Errorf("its SHA-256 is %s, want %s", got, packageSum)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	for entries := tar.NewReader(unzipped); ; {
		entry, err := entries.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name, wanted := strings.CutPrefix(entry.Name, packageFolder)
		if !wanted || entry.Typeflag != tar.TypeReg {
			continue
		}
		if !filepath.IsLocal(name) {
			return &fs.PathError{Op: "unpack", Path: name, Err: fs.ErrInvalid}
		}
		if err := writeFile(filepath.Join(folder, filepath.FromSlash(name)), entries); err != nil {
			return err
		}
	}
}

func writeFile(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, content); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
