package serve

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// listening is TCP_LISTEN in the state column of /proc/net/tcp.
const listening = "0A"

// holder names the process that listens on the port, as "name (pid 123)", and
// is "" where that cannot be found: not Linux, or a process of somebody else.
// The layout of proc is told in proc(5).
func holder(proc fs.FS, port int) string {
	sockets := map[string]bool{}
	for _, table := range []string{"net/tcp", "net/tcp6"} {
		for _, inode := range listeners(proc, table, port) {
			sockets["socket:["+inode+"]"] = true
		}
	}
	if len(sockets) == 0 {
		return ""
	}
	links, _ := fs.Glob(proc, "[0-9]*/fd/*") // the pattern is good
	for _, link := range links {
		if target, err := fs.ReadLink(proc, link); err != nil || !sockets[target] {
			continue
		}
		pid, _, _ := strings.Cut(link, "/")
		name, err := fs.ReadFile(proc, path.Join(pid, "comm"))
		if err != nil {
			return "pid " + pid
		}
		return fmt.Sprintf("%s (pid %s)", strings.TrimSpace(string(name)), pid)
	}
	return ""
}

// listeners returns the inodes of the sockets that listen on the port. The
// columns of the table are slot, local address, remote address, state, queues,
// timer, retransmits, uid, timeout, inode; addresses are hexadecimal.
func listeners(proc fs.FS, table string, port int) []string {
	text, err := fs.ReadFile(proc, table)
	if err != nil {
		return nil
	}
	var inodes []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Fields(line)
		if len(cells) < 10 || cells[3] != listening {
			continue
		}
		_, at, _ := strings.Cut(cells[1], ":")
		if n, err := strconv.ParseUint(at, 16, 16); err == nil && int(n) == port {
			inodes = append(inodes, cells[9])
		}
	}
	return inodes
}
