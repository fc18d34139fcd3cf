// What a program in Go does about identity: `flows '[{"do": "list"}, …]'` prints one JSON line an action. A step may carry
// `client`: options of a client of its own, beside the one of the environment and the file.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	modal "github.com/modal-labs/modal-client/go"
)

type step struct {
	Do, Name string
	Client   *struct{ TokenID, TokenSecret, Environment string }
}

func run(ctx context.Context, s step) (any, error) {
	params := &modal.ClientParams{}
	if s.Client != nil {
		params.TokenID, params.TokenSecret, params.Environment = s.Client.TokenID, s.Client.TokenSecret, s.Client.Environment
	}
	client, err := modal.NewClientWithOptions(params)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	switch s.Do {
	case "list":
		names := []string{}
		all, err := client.Environments.Objects.List(ctx)
		if err != nil {
			return nil, err
		}
		for environment, err := range all {
			if err != nil {
				return nil, err
			}
			names = append(names, environment.Name)
		}
		return names, nil
	case "create":
		return s.Name, client.Environments.Objects.Create(ctx, s.Name, nil)
	case "delete":
		return s.Name, client.Environments.Objects.Delete(ctx, s.Name)
	case "look":
		environment, err := client.Environments.FromName(ctx, s.Name, nil)
		if err != nil {
			return nil, err
		}
		return environment.Name, nil
	}
	return nil, errors.New("no such action: " + s.Do)
}

func main() {
	var steps []step
	if err := json.Unmarshal([]byte(os.Args[1]), &steps); err != nil {
		panic(err)
	}
	for _, s := range steps {
		line := map[string]any{}
		if value, err := run(context.Background(), s); err != nil {
			line["error"] = err.Error()
		} else {
			line["ok"] = value
		}
		text, _ := json.Marshal(line)
		fmt.Println(string(text))
	}
}
