// How the page's modules are linted: ESLint's recommended rules, the stricter ones that cost nothing, and one of our own.

import js from "@eslint/js";
import globals from "globals";

/**
 * The words of the comment block that stands directly above *node*; empty where there is none.
 * @param {import("eslint").SourceCode} source
 * @param {import("estree").Node} node
 */
function docWords(source, node) {
  const last = source.getCommentsBefore(node).at(-1);
  if (last?.type !== "Block" || !last.value.startsWith("*")) {
    return [];
  }
  const prose = last.value.replace(/@[\s\S]*$/, "");
  return prose.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/**
 * Everything that another module can use says what it is for, in five words or more; so does every module.
 * @type {import("eslint").Rule.RuleModule}
 */
const documented = {
  meta: { type: "suggestion", schema: [], messages: { short: "This says in fewer than five words what it is for: {{what}}" } },
  create(context) {
    const source = context.sourceCode;
    /** @type {(node: import("estree").Node, what: string) => void} */
    const check = (node, what) => {
      if (docWords(source, node).length < 5) {
        context.report({ node, messageId: "short", data: { what } });
      }
    };
    return {
      Program(program) {
        const first = source.getAllComments()[0];
        if (first?.loc?.start.line !== 1 || first.value.trim().split(/\s+/).length < 5) {
          context.report({ node: program, loc: { line: 1, column: 0 }, messageId: "short", data: { what: "The module" } });
        }
      },
      /** @param {import("estree").ExportNamedDeclaration} node */
      "ExportNamedDeclaration[declaration]"(node) {
        check(node, source.getText(node).split("\n", 1)[0]);
      },
      /** @param {import("estree").MethodDefinition} node */
      "ExportNamedDeclaration > ClassDeclaration MethodDefinition[kind=/get|method/][key.type!='PrivateIdentifier']"(node) {
        check(node, source.getText(node.key));
      },
    };
  },
};

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error", reportUnusedInlineConfigs: "error" },
    rules: {
      "arrow-body-style": "error",
      "array-callback-return": ["error", { checkForEach: true }],
      complexity: ["error", 20],
      curly: "error",
      "default-case-last": "error",
      eqeqeq: "error",
      "max-depth": ["error", 4],
      "max-params": ["error", 4],
      "no-constructor-return": "error",
      "no-duplicate-imports": "error",
      "no-else-return": "error",
      "no-eval": "error",
      "no-implicit-coercion": "error",
      "no-implied-eval": "error",
      "no-lonely-if": "error",
      "no-new-func": "error",
      "no-param-reassign": "error",
      "no-promise-executor-return": "error",
      "no-self-compare": "error",
      "no-shadow": "error",
      "no-template-curly-in-string": "error",
      "no-unmodified-loop-condition": "error",
      "no-unreachable-loop": "error",
      "no-unused-expressions": "error",
      "no-use-before-define": ["error", { functions: false, classes: false }],
      "no-useless-rename": "error",
      "no-useless-return": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "one-var": ["error", "never"],
      "prefer-arrow-callback": "error",
      "prefer-const": "error",
      "prefer-object-spread": "error",
      "prefer-template": "error",
      radix: "error",
      yoda: "error",
    },
  },
  {
    files: ["functions/public/page/**"],
    plugins: { sluice: { rules: { documented } } },
    languageOptions: { globals: globals.browser },
    rules: {
      "sluice/documented": "error",
      "no-console": ["error", { allow: ["error"] }], // a failure that nobody foresaw is for whoever opens the console
    },
  },
  {
    files: ["tests/functions/public/page/**", "eslint.config.js"],
    languageOptions: { globals: globals.node },
  },
];
