package sqlstore

import (
	"math/rand/v2"
	"strconv"
)

// Words for the names of runs and logged models that came without one.
var (
	adjectives = [...]string{
		"able", "amber", "bold", "brave", "brisk", "calm", "clear", "clever", "eager", "early",
		"fair", "fast", "fine", "fresh", "gentle", "glad", "golden", "grand", "green", "happy",
		"honest", "keen", "kind", "light", "lively", "loyal", "lucky", "mellow", "merry", "mild",
		"neat", "noble", "patient", "polite", "proud", "quick", "quiet", "ready", "sharp", "silver",
		"smart", "smooth", "steady", "still", "sunny", "swift", "tidy", "true", "warm", "wise",
	}
	animals = [...]string{
		"ant", "badger", "bat", "bear", "beaver", "bee", "bison", "boar", "camel", "cat",
		"crane", "crow", "deer", "dove", "duck", "eagle", "eel", "elk", "falcon", "finch",
		"fox", "frog", "goat", "goose", "hare", "hawk", "heron", "horse", "ibis", "jay",
		"koala", "lark", "lion", "lynx", "mole", "moose", "mouse", "newt", "otter", "owl",
		"panda", "pike", "raven", "robin", "seal", "sheep", "stork", "swan", "tiger", "wolf",
	}
)

// newName returns a random name in the form of MLflow's, such as calm-otter-512.
func newName() string {
	return adjectives[rand.IntN(len(adjectives))] + "-" + animals[rand.IntN(len(animals))] + "-" + strconv.Itoa(rand.IntN(1000))
}
