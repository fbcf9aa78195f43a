// Command salesctl takes a chain's sales from a CSV to a served forecast.
//
// The way of a call through this package:
//
//  1. main hands arguments, streams, environment, clock and working directory
//     to run as an app; nothing below main reads them from the process.
//  2. newRoot (root.go) builds the tree of commands. Each has a file cmd_*.go
//     with its options in a struct and its work in a method of it, which takes
//     ctx and can be called without cobra.
//  3. The root resolves -C and -o; a command asks the app for its settings
//     (settings.go), which is where flags meet environment and files.
//  4. The command calls the rooms under pkg and gives what they return to the
//     one renderer (output.go) as a table of flat rows on stdout. Messages and
//     progress (progress.go) go to stderr.
//  5. Its error becomes a message, a hint and an exit code (exit.go).
package main

import (
	"context"
	"os"
)

func main() {
	ctx, release := interruptible(context.Background(), os.Stderr, os.Exit)
	code := run(ctx, processApp(), commands(), os.Args[1:])
	release()
	os.Exit(code)
}
