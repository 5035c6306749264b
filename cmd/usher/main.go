// Command usher is the whole contact center in one binary: `usher serve`.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"usher/internal/app"
)

// version is set by the build: -ldflags "-X main.version=…".
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := app.Parse(os.Args[1:], version)
	if err != nil {
		fmt.Fprintln(os.Stderr, "usher:", err)
		os.Exit(2)
	}
	if err := app.Run(ctx, config, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "usher:", err)
		os.Exit(1)
	}
}
