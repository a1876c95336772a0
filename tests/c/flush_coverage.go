package main

// For a libpilot that is to be measured: copy this file into its package and build it with
//
//	go build -buildmode=c-shared -cover -covermode=atomic
//
// Go writes coverage counters when its own main returns, which that of a library never does.

import "C"

import (
	"fmt"
	"os"
	"runtime/coverage"
)

//export PilotFlushCoverage
func PilotFlushCoverage() {
	if directory := os.Getenv("GOCOVERDIR"); directory != "" {
		if err := coverage.WriteCountersDir(directory); err != nil {
			fmt.Fprintln(os.Stderr, "coverage:", err)
		}
	}
}
