package tablecode_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/npmtest"
	"github.com/dynamoslog/dynamoslog/internal/tablecode"
)

// synthesize returns the templates that the CDK makes of what is printed, by names, after
// its compiler has checked it.
func synthesize(t *testing.T, codes map[string]string) map[string]template {
	t.Helper()
	folder, err := npmtest.Install(t.Context(), "cdk", os.DirFS(filepath.Join("testdata", "cdk")))
	if err != nil {
		dynamotest.Missing(t, "CDK", err)
	}
	work := t.TempDir()
	if err := os.Symlink(filepath.Join(folder, "node_modules"), filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	write := func(file, text string) {
		if err := os.WriteFile(filepath.Join(work, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app := "import { App, Stack } from 'aws-cdk-lib';\nconst app = new App();\n"
	for name, code := range codes {
		write(name+".ts", code)
		app = fmt.Sprintf("import * as %[1]s from './%[1]s';\n%[2]snew %[1]s.Stories(new Stack(app, '%[1]s'), 'Stories');\n", name, app)
	}
	write("app.ts", app+"app.synth();\n")
	for _, command := range [][]string{
		{"node_modules/typescript/bin/tsc", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "commonjs", "app.ts"},
		{"app.js"},
	} {
		cmd := exec.CommandContext(t.Context(), "node", command...)
		cmd.Dir, cmd.Env = work, append(os.Environ(), "CDK_OUTDIR="+work)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s\n%s", command, err, output, codes)
		}
	}
	templates := make(map[string]template)
	for name := range codes {
		text, err := os.ReadFile(filepath.Join(work, name+".template.json"))
		if err != nil {
			t.Fatal(err)
		}
		templates[name] = parseTemplate(t, string(text))
	}
	return templates
}

// TestCDK makes the table from what the CDK makes of the printed code, and holds its
// policies against those that are printed alone.
func TestCDK(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds, and half a minute at first")
	}
	client := dynamotest.Start(t)
	codes, options := make(map[string]string), make(map[string]tablecode.Options)
	for name, o := range map[string]tablecode.Options{
		"writer": {Role: tablecode.Writer}, "reader": {Role: tablecode.Reader}, "admin": {Role: tablecode.Admin}, "onDemand": {OnDemand: true},
	} {
		o.Format, o.Table = tablecode.CDK, dynamotest.TableName(t)
		codes[name], options[name] = printed(t, o), o
	}
	for name, tm := range synthesize(t, codes) {
		o := options[name]
		create(t, client, tm.of(t, "AWS::DynamoDB::Table"))
		check(t, client, o.Table, o.OnDemand)
		if o.Role != "" {
			samePolicy(t, o, tm)
		}
	}
}
