package fault

import "strings"

// Nearest returns the known word that a misspelt one most likely stands for, ""
// where none is near: at most a third of its letters may be missing, added,
// wrong or swapped, or it must be the beginning of a known word. The first of
// equally near words wins.
func Nearest(word string, known []string) string {
	w := []rune(strings.ToLower(word))
	best, least := "", max(1, len(w)/3)+1
	for _, k := range known {
		d := distance(w, []rune(strings.ToLower(k)))
		if d < least {
			best, least = k, d
		}
	}
	if best != "" || len(w) < 2 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(strings.ToLower(k), string(w)) {
			return k
		}
	}
	return ""
}

// distance is the optimal string alignment distance: Levenshtein's, with the
// swap of two neighbours as one step.
func distance(a, b []rune) int {
	var before []int // the row above the row above
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
