// Package recipes has what the README's recipes need of other modules, so that the
// library itself requires none of them: programs and snippets in its folders, and a test of
// the routers that people use.
package recipes
