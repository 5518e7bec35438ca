package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newGroup makes a command that holds others: alone it prints its help, and a command that it does not hold is bad usage.
func newGroup(c *cobra.Command, held ...*cobra.Command) *cobra.Command {
	c.AddCommand(held...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if len(arguments) > 0 {
			return unknownCommand(c, arguments[0])
		}
		return c.Help()
	}
	return c
}

// groupUsage is a usage text in which a group is used with a command only.
func groupUsage(template string) string {
	return strings.Replace(template, "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1)
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]...",
		Short:   "Print the help of a command",
		Example: "  backstitch help model inspect",
		RunE: func(c *cobra.Command, arguments []string) error {
			found, rest, err := c.Root().Find(arguments)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return unknownCommand(found, rest[0])
			}
			return found.Help()
		},
	}
}

// usageError is bad usage of a command.
func usageError(c *cobra.Command, err error) error {
	return exitError{err, exitUsage, seeHelp(c)}
}

// badValue is bad usage of a flag, unless there is no error, or one that the value is not to blame for.
func badValue(c *cobra.Command, flag, value string, err error) error {
	var other exitError
	if err == nil || c.Context().Err() != nil || errors.As(err, &other) {
		return err
	}
	return usageError(c, fmt.Errorf("--%s %s: %w", flag, value, err))
}

func seeHelp(c *cobra.Command) string { return fmt.Sprintf("see %s --help", c.CommandPath()) }

func unknownCommand(c *cobra.Command, name string) error {
	var names []string
	for _, held := range c.Commands() {
		names = append(names, held.Name())
	}
	return unknown("command", name, names, seeHelp(c))
}

// flagError says what is wrong with a flag. What follows a command that does not exist is not worth a word.
func flagError(c *cobra.Command, err error) error {
	if before := c.Flags().Args(); c.HasSubCommands() && len(before) > 0 {
		return unknownCommand(c, before[0])
	}
	var missing *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &missing) && missing.GetSpecifiedShortnames() == "":
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return unknown("flag", "--"+missing.GetSpecifiedName(), names, seeHelp(c))
	case errors.As(err, &invalid):
		reason := invalid.Unwrap()
		var number *strconv.NumError
		if errors.As(reason, &number) {
			reason = number.Err
		}
		err = fmt.Errorf("--%s is %q: %w", invalid.GetFlag().Name, invalid.GetValue(), reason)
	}
	return usageError(c, err)
}

// requireFlags makes flags necessary.
func requireFlags(c *cobra.Command, names ...string) {
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		var missing []string
		for _, name := range names {
			if !c.Flags().Changed(name) {
				missing = append(missing, "--"+name)
			}
		}
		if len(missing) > 0 {
			return usageError(c, fmt.Errorf("missing: %s", strings.Join(missing, ", ")))
		}
		return nil
	}
}

// countArguments makes a wrong number of arguments bad usage, for a command and those that it holds.
func countArguments(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, arguments []string) error {
			if check(c, arguments) == nil {
				return nil
			}
			return exitError{fmt.Errorf("wrong number of arguments: %d", len(arguments)), exitUsage, "usage: " + c.UseLine()}
		}
	}
	for _, held := range c.Commands() {
		countArguments(held)
	}
}
