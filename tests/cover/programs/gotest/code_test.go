package selftest

import (
	"os"
	"os/exec"
	"testing"
)

func TestMain(m *testing.M) {
	switch os.Getenv("LEVEL") {
	case "child":
		child()
		os.Exit(again("grandchild"))
	case "grandchild":
		grandchild()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func again(level string) int {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "LEVEL="+level)
	if command.Run() != nil {
		return 1
	}
	return 0
}

func TestChildren(t *testing.T) {
	if parent() != 1 || again("child") != 0 {
		t.Fatal("a child failed")
	}
}
