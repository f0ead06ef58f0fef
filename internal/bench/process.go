package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
)

// processorTime returns how long this process has kept the cores busy, all of them together: a measure that other programs on the
// machine disturb less than they disturb the clock.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// anonymousMemory returns the RssAnon of this process in MiB: memory in use without the mapped file, which the system can take back.
func anonymousMemory() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("memory in use is read from Linux: %w", err)
	}
	for s := bufio.NewScanner(bytes.NewReader(status)); s.Scan(); {
		var kilobytes float64
		if _, err := fmt.Sscanf(s.Text(), "RssAnon: %f kB", &kilobytes); err == nil {
			return kilobytes / 1024, nil
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no RssAnon")
}
