// Package npmtest installs programs of npm that tests run, in the versions of a
// package-lock.json, into the user's cache folder: once on a machine.
package npmtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const installTime = 5 * time.Minute

// manifests are what a folder of packages is made from.
var manifests = []string{"package.json", "package-lock.json"}

// Install returns the folder in whose node_modules is what the manifests in files name.
// Several processes may install at once. No script of a package is run.
func Install(ctx context.Context, name string, files fs.FS) (folder string, err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is not installed (npm fetches %s, and node runs it)", program, name)
		}
	}
	sum := sha256.New()
	content := make(map[string][]byte)
	for _, manifest := range manifests {
		if content[manifest], err = fs.ReadFile(files, manifest); err != nil {
			return "", err
		}
		sum.Write(content[manifest])
	}
	return Cached(name+"-"+hex.EncodeToString(sum.Sum(nil)[:8]), func(aside string) (made string, err error) {
		for manifest, text := range content {
			if err := os.WriteFile(filepath.Join(aside, manifest), text, 0o600); err != nil {
				return "", err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, installTime)
		defer cancel()
		install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		install.Dir = aside
		if output, err := install.CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm could not install %s: %w: %s", name, err, output)
		}
		return aside, nil
	})
}

// Cached returns a folder of the user's cache, which is made at first use: fill makes it
// within a folder aside, or of that, and returns where. Several processes may do so at once:
// the first one to rename its folder has won.
func Cached(name string, fill func(aside string) (made string, err error)) (folder string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "dynamoslog")
	folder = filepath.Join(cache, name)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(cache, "aside-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(aside)
	made, err := fill(aside)
	if err != nil {
		return "", err
	}
	if err := os.Rename(made, folder); err != nil {
		if _, statErr := os.Stat(folder); statErr != nil {
			return "", err
		}
	}
	return folder, nil
}
