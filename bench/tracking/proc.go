package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// proc is where Linux tells of its processes: proc(5).
const proc = "/proc"

// tick is the unit of times in /proc/PID/stat: USER_HZ is 100 on every platform
// that Go has.
const tick = 10 * time.Millisecond

// process is one process.
type process struct {
	pid, parent int
	cpu         time.Duration // user and system, with that of its finished children
}

// usage is what a process tree has taken. A page that two of its processes share
// counts for both.
type usage struct {
	processes      int
	cpu            time.Duration
	resident, peak int64 // kB
}

// readTree returns the process and all below it.
func readTree(dir fs.FS, root int) ([]process, error) {
	names, err := fs.Glob(dir, "[0-9]*")
	if err != nil {
		return nil, err
	}
	children := map[int][]process{}
	var tree []process
	for _, name := range names {
		stat, err := fs.ReadFile(dir, name+"/stat")
		if err != nil {
			continue // it has ended since
		}
		p, err := parseStat(string(stat))
		if err != nil {
			return nil, err
		}
		if p.pid == root {
			tree = append(tree, p)
		} else {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	if tree == nil {
		return nil, fmt.Errorf("process %d: %w", root, fs.ErrNotExist)
	}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i].pid]...)
	}
	return tree, nil
}

// parseStat reads a line of /proc/PID/stat. The second field is a name in
// parentheses, in which anything can stand, parentheses too.
func parseStat(line string) (p process, err error) {
	pid, rest, opened := strings.Cut(line, " (")
	end := strings.LastIndex(rest, ") ")
	if !opened || end < 0 {
		return p, fmt.Errorf("stat of a process: %q", line)
	}
	fields := strings.Fields(rest[end+2:]) // from the third, the state, on
	if len(fields) < 15 {
		return p, fmt.Errorf("stat of a process: %q", line)
	}
	number := func(s string) int {
		n, e := strconv.Atoi(s)
		err = errors.Join(err, e)
		return n
	}
	p.pid, p.parent = number(pid), number(fields[1])
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		p.cpu += time.Duration(number(field)) * tick
	}
	return p, err
}

// readUsage adds up a process and all below it.
func readUsage(dir fs.FS, root int) (u usage, err error) {
	tree, err := readTree(dir, root)
	for _, p := range tree {
		u.processes++
		u.cpu += p.cpu
		status, err := fs.ReadFile(dir, fmt.Sprint(p.pid, "/status"))
		if err != nil {
			continue // it has ended since
		}
		for line := range strings.Lines(string(status)) {
			var kB int64
			if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kB); n == 1 {
				u.resident += kB
			}
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kB); n == 1 {
				u.peak += kB
			}
		}
	}
	return u, err
}
