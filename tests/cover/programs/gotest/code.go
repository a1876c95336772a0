// Package selftest has a test that runs its own binary as a child.
package selftest

func parent() int { return 1 }

func child() int { return 2 }

func grandchild() int { return 3 }

func never() int { return 4 }
