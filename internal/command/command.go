// Package command is the command line: flags, wiring and exit codes. Each command has a file of its
// own, with a constructor that New lists. Other packages do the work; the commands wire them.
package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The exit codes of a command that failed: with usable arguments, and without. A task's pod has
// config.ExitUnusable instead of the latter.
const (
	exitFailed   = 1
	exitUnusable = 2
)

// unusable marks an error in the arguments or in the manifest.
type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }

// ofTask marks an error of a task's pod.
type ofTask struct{ error }

func (t ofTask) Unwrap() error { return t.error }

// ExitCode returns the process's exit code for an error of a command.
func ExitCode(err error) int {
	if e, ok := errors.AsType[exit](err); ok {
		return e.code
	}
	if _, ok := errors.AsType[unusable](err); !ok {
		return exitFailed
	}
	if _, ok := errors.AsType[ofTask](err); ok {
		return config.ExitUnusable
	}
	return exitUnusable
}

// New returns the root command. It prints no errors: the caller does, unless the text is empty, and exits with
// ExitCode.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:           "ragpipeline",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: displayName(os.Args[0])},
		Short:         "From one RAGPipeline manifest to answers with citations",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unusable{fmt.Errorf("unknown command %q; see %s --help", args[0], cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return unusable{err} })
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Manifests, and pipelines on this machine:", []*cobra.Command{
			newInitCommand(), newValidateCommand(), newPlanCommand(), newRunCommand(),
		}},
		{"Pipelines in a cluster, or at a URL:", []*cobra.Command{
			newStatusCommand(), newWaitCommand(), newAskCommand(), newSearchCommand(), newDocumentsCommand(),
			newFailuresCommand(), newSyncCommand(), newLogsCommand(), newOpenCommand(), newMCPCommand(),
		}},
		{"Run by pods:", []*cobra.Command{
			newOperatorCommand(), newGatewayCommand(), newIngestCommand(), newModelsCommand(),
			newExtractWorkerCommand(), newFillCommand(), newTLSCommand(),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			cmd.Example = strings.ReplaceAll(cmd.Example, "  ragpipeline ", "  "+root.DisplayName()+" ")
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(newVersionCommand())
	return root
}

// displayName is what a person types for the program: as a plugin of kubectl, it has another name.
func displayName(program string) string {
	if strings.TrimSuffix(filepath.Base(program), ".exe") == "kubectl-ragpipeline" {
		return "kubectl ragpipeline"
	}
	return "ragpipeline"
}

// noArgs refuses positional arguments as unusable.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unusable{fmt.Errorf("%s takes no argument, but got %q; see %s --help",
			cmd.Name(), args[0], cmd.CommandPath())}
	}
	return nil
}
