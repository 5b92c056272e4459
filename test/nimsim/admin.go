package nimsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Admin switches the simulator over HTTP, where it runs as a process of its own:
//
//	GET    /-/faults                      the catalogue
//	PUT    /-/faults/{role}/{name}[?next=N]  switch a fault on, for the next N requests only
//	DELETE /-/faults[/{role}]             switch faults off
//	PUT    /-/ready/{true|false}          be ready, or not
//	GET    /-/requests[?role=ROLE]        what was asked, bodies in base64
//	DELETE /-/requests                    forget it
//	GET    /-/load                        what a server with a capacity has done
//	DELETE /-/load                        count it anew
//
// It asks for no key and shows those that were sent: it is for tests, with keys made for them.
func (s *Sim) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/faults", listFaults)
	mux.HandleFunc("PUT /-/faults/{role}/{name}", s.putFault)
	mux.HandleFunc("DELETE /-/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Mend()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /-/faults/{role}", func(w http.ResponseWriter, r *http.Request) {
		s.Mend(config.Stage(r.PathValue("role")))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("PUT /-/ready/{ready}", s.putReady)
	mux.HandleFunc("GET /-/requests", s.getRequests)
	mux.HandleFunc("DELETE /-/requests", func(w http.ResponseWriter, _ *http.Request) {
		s.Forget()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /-/load", func(w http.ResponseWriter, _ *http.Request) { encode(w, s.Load()) })
	mux.HandleFunc("DELETE /-/load", func(w http.ResponseWriter, _ *http.Request) {
		s.ForgetLoad()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func listFaults(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		Name     string         `json:"name"`
		Does     string         `json:"does"`
		Roles    []config.Stage `json:"roles"`
		Streamed bool           `json:"streamed"`
		Harmless bool           `json:"harmless"`
	}
	var list []entry
	for _, f := range Faults {
		list = append(list, entry{f.Name, f.Does, f.Roles, f.Streamed, f.Harmless})
	}
	encode(w, list)
}

func (s *Sim) putFault(w http.ResponseWriter, r *http.Request) {
	fault, found := Lookup(r.PathValue("name"))
	role := config.Stage(r.PathValue("role"))
	if !found || !slices.Contains(fault.Roles, role) {
		http.Error(w, "no such fault for that role; GET /-/faults lists them", http.StatusNotFound)
		return
	}
	n := -1
	if next := r.FormValue("next"); next != "" {
		var err error
		if n, err = strconv.Atoi(next); err != nil || n < 1 {
			http.Error(w, "next must be a number of at least 1", http.StatusBadRequest)
			return
		}
	}
	s.FaultNext(role, fault, n)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sim) putReady(w http.ResponseWriter, r *http.Request) {
	ready, err := strconv.ParseBool(r.PathValue("ready"))
	if err != nil {
		http.Error(w, "ready is true or false", http.StatusBadRequest)
		return
	}
	s.SetReady(ready)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sim) getRequests(w http.ResponseWriter, r *http.Request) {
	var roles []config.Stage
	if role := r.FormValue("role"); role != "" {
		roles = append(roles, config.Stage(role))
	}
	encode(w, append([]Request{}, s.Requests(roles...)...))
}

func encode(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client has left; there is nobody to tell
}
