package run

import (
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/engine"
)

// machines are those of a run's workers, one for each, opened on first use.
type machines struct {
	run  *Run
	list []engine.Machine
}

func (r *Run) newMachines(workers int) *machines {
	return &machines{r, make([]engine.Machine, workers)}
}

// of returns a worker's machine.
func (m *machines) of(worker int) (engine.Machine, error) {
	var err error
	if m.list[worker] == nil {
		m.list[worker], err = m.run.machine()
	}
	return m.list[worker], err
}

// mapsOf returns the maps of a job, for compose.Job.
func (m *machines) mapsOf(job int) func(worker int) (compose.Maps, error) {
	return func(worker int) (compose.Maps, error) {
		machine, err := m.of(worker)
		return maps{machine, m.run.Program, m.run.batches(job)}, err
	}
}

func (m *machines) close() {
	for _, machine := range m.list {
		if machine != nil {
			machine.Close()
		}
	}
}
