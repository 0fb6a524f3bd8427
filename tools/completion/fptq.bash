# Completion of commands, options and files for quant-fptq and the C++ tools, from their own --help, so that it never
# falls behind. bash:  . fptq.bash      zsh:  autoload -U bashcompinit && bashcompinit && . fptq.bash

declare -gA _fptq_help

# The help of a command ("quant-fptq eval"), asked for once a shell.
_fptq_ask() {
  [ -n "${_fptq_help[$*]-}" ] || _fptq_help[$*]=$("$@" --help 2>/dev/null)
  printf '%s\n' "${_fptq_help[$*]}"
}

# Names of commands a help lists: "  name - what" of llvm::cl, "    name   what" of argparse.
_fptq_commands() {
  sed -n '/^SUBCOMMANDS:/,/^  Type/p; /^  COMMAND$/,/^[^ ]/p' | sed -nE 's/^ {2,4}([a-z][a-z-]*) .*/\1/p'
}

_fptq_complete() {
  local word=${COMP_WORDS[COMP_CWORD]} tool=${COMP_WORDS[0]} command=() i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD && i < 3; ++i)); do # commands stand before everything else
    _fptq_ask "$tool" "${command[@]}" | _fptq_commands | grep -qx -- "${COMP_WORDS[i]}" || break
    command+=("${COMP_WORDS[i]}")
  done
  local help
  help=$(_fptq_ask "$tool" "${command[@]}")
  case $word in
  -*) COMPREPLY=($(compgen -W "$(grep -oE -- '(^|[ ,[])--?[a-zA-Z][a-zA-Z0-9-]*=?' <<<"$help" | tr -d ' ,[' | sort -u)" -- "$word")) ;;
  *) ((i == COMP_CWORD)) && COMPREPLY=($(compgen -W "$(_fptq_commands <<<"$help")" -- "$word")) ;;
  esac
}

complete -o default -F _fptq_complete quant-fptq fptq-opt fptq-run fptq-compile fptq-translate fptq-reduce
