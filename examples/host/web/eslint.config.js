import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "public", "src/api/schema.gen.ts"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [
      ...ts.configs.recommendedTypeChecked,
      a11y.flatConfigs.strict,
      hooks.configs.flat["recommended-latest"],
    ],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      // Text becomes HTML nowhere, and amounts of money become floating-point numbers nowhere.
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Text stays text." },
        { selector: "MemberExpression[property.name=/^(inner|outer)HTML$/]", message: "Text stays text." },
        { selector: "CallExpression[callee.name=/^parse(Float|Int)$/]", message: "Amounts are exact." },
      ],
    },
  },
  {
    files: ["browser/**/*.js"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        fetch: "readonly",
        document: "readonly",
        window: "readonly",
        setTimeout: "readonly",
        URL: "readonly",
      },
    },
  },
);
