package tune

// eta is how many candidates stand for one that goes on: the factor of
// successive halving that its authors recommend.
const eta = 3

// Rung is a step of successive halving: so many candidates are scored on so many
// folds, those of earlier rungs among them.
type Rung struct {
	Candidates, Folds int
}

// Rungs lays out successive halving of the candidates with all folds as the most
// that one may cost: the bracket of Hyperband that drops the most (Li et al.,
// "Hyperband", JMLR 18, 2018, algorithm 1; Jamieson and Talwalkar,
// "Non-stochastic Best Arm Identification", AISTATS 2016). Of n candidates and R
// folds, rung i of 0 to s takes n/3^i candidates on R/3^(s-i) folds, rounded
// down, with the largest s that leaves one of each. No rung costs more than
// n R/3^s scores.
//
// The resource that grows is the number of folds, and not trees or rows: a score
// on one fold is a fair part of the mean over all, whatever the parameters, and
// is needed later anyway. Few trees would favour high learning rates, few rows
// strong regularization.
func Rungs(candidates, folds int) []Rung {
	s, all := 0, 1 // all is eta^s
	for all*eta <= candidates && all*eta <= folds {
		s, all = s+1, all*eta
	}
	rungs := make([]Rung, s+1)
	dropped := 1 // eta^i
	for i := range rungs {
		rungs[i] = Rung{Candidates: candidates / dropped, Folds: folds / (all / dropped)}
		dropped *= eta
	}
	return rungs
}

// budget is how many scores the rungs take if none is abandoned.
func budget(rungs []Rung) int {
	total, folds := 0, 0
	for _, r := range rungs {
		total += r.Candidates * (r.Folds - folds)
		folds = r.Folds
	}
	return total
}
