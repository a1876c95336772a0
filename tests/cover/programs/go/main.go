// Levels runs itself again, three levels deep, each in a mount namespace of its own where that is allowed.
// Its argument says how the last level ends: exit, term or crash.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func levelOne(how string) int { return again("two", how) }

func levelTwo(how string) int { return again("three", how) }

func levelThree(how string) int {
	switch how {
	case "term":
		return untilTerminated()
	case "crash":
		crash()
	}
	return 5
}

func untilTerminated() int {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	fmt.Println("ready")
	<-told
	return 6
}

func crash() {
	// Long enough to be seen.
	time.Sleep(200 * time.Millisecond)
	panic("level three")
}

func again(level, how string) int {
	for _, flags := range []uintptr{syscall.CLONE_NEWNS, 0} {
		command := exec.Command("/proc/self/exe", level, how)
		command.Stderr = os.Stderr
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		output, _ := command.StdoutPipe()
		if command.Start() != nil {
			continue
		}
		line := make([]byte, 64)
		for {
			n, err := output.Read(line)
			if err != nil {
				break
			}
			os.Stdout.Write(line[:n])
			if level == "three" {
				command.Process.Signal(syscall.SIGTERM)
			}
		}
		var ended *exec.ExitError
		if errors.As(command.Wait(), &ended) {
			return ended.ExitCode()
		}
		return 0
	}
	return 9
}

func main() {
	switch os.Args[1] {
	case "two":
		os.Exit(levelTwo(os.Args[2]))
	case "three":
		os.Exit(levelThree(os.Args[2]))
	}
	os.Exit(levelOne(os.Args[1]))
}
