package fault

import "fmt"

// Counted writes a number with its noun for a message: 1 line, 2 lines.
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
